"""`python -m cxr STEP ...`: one step. Exit code 0 done, 2 a mistake the user can mend, 130 interrupted."""

import errno
import sys
from collections.abc import Sequence
from importlib import import_module

from cxr.commands.arguments import parse_arguments
from cxr.config.errors import UserError

ENVIRONMENT_ERRORS = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT}
ENVIRONMENT_ERRORS |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EFBIG}
ENVIRONMENT_ERRORS |= {errno.ENOENT, errno.ELOOP, errno.EIO, errno.EBUSY}
"""Failures of the file system that are the user's to mend."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step and return its exit code; only the step's own module, and what it needs, is imported."""
    options = parse_arguments(arguments)
    try:
        import_module(f"cxr.commands.{options.step}").run(options)
    except UserError as error:
        print("\n".join(f"cxr {options.step}: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in ENVIRONMENT_ERRORS:
            raise
        print(f"cxr {options.step}: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = (
            "writes all anew"
            if options.step == "export" or (options.step == "phantoms" and options.layout != "negatives")
            else "goes on where it stopped"
        )
        print(f"cxr {options.step}: interrupted; the same command {again}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
