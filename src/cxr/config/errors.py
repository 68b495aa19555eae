"""The one exception that means "the user can mend this": shown as a sentence, exit code 2, no stack trace."""


class UserError(Exception):
    """A mistake in a file, key or argument. The message names the file, the key, what was found and what is allowed."""
