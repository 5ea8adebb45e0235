"""Errors that a person can act on: what was found, what is allowed, what to do next."""


class TrailhouseError(Exception):
    """A problem of input, configuration or environment that the reader of the message can mend.

    The command line prints it without a traceback and exits with code 2.
    """


class ConfigurationError(TrailhouseError):
    """A setting is missing, misspelt or out of range; the message names it."""


class SourceError(TrailhouseError):
    """A landing object or source cannot be read now; nothing of the load was committed."""


class LakeError(TrailhouseError):
    """The lake cannot be read or written now; what was committed before is intact."""


class ArchiveError(TrailhouseError):
    """The archive cannot be read or added to now; what was sealed before is as it was."""
