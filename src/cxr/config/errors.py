"""The one exception that means "the user can mend this" (a sentence, exit code 2, no stack trace), and its words."""


class UserError(Exception):
    """A mistake in a file, key or argument. The message names the file, the key, what was found and what is allowed."""


def first_line(error: Exception) -> str:
    """Return the first line of what another library says, or the kind of its error where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
