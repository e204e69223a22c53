"""What can be wrong with the version of the API that was asked for, with the registry, or with how often."""

from __future__ import annotations

from typing import ClassVar

from domain.errors.world import NotNowError
from domain.format.errors import DitsError, Fact


# ------------------------------------------------------------------ what was asked for
class VersionPatternError(DitsError):
    """Version identifier must match pattern ^v[0-9]+(-[a-z]+)?$"""

    code = "INVALID_VERSION_FORMAT"
    kind = "invalid"


class VersionLengthError(VersionPatternError):
    """Version identifier must be 2-20 characters"""


class VersionConflictError(DitsError):
    """Contradictory version specifications"""

    code = "VERSION_CONFLICT"
    kind = "conflict"


class VersionNotFoundError(DitsError):
    """API version '{version_id}' not found"""

    code = "VERSION_NOT_FOUND"
    kind = "missing"


class PrereleaseOptInRequiredError(DitsError):
    """Version {version_id} requires prerelease opt-in header"""

    code = "PRERELEASE_OPT_IN_REQUIRED"
    kind = "missing"


class VersionSunsetError(DitsError):
    """API version '{version_id}' was sunset on {sunset_at}"""

    code = "VERSION_SUNSET"
    kind = "gone"


class VersionBrownoutError(DitsError):
    """API version '{version_id}' is switched off until {ends_at}, as it will be for good"""

    code = "VERSION_BROWNOUT"
    kind = "gone"


# ------------------------------------------------------------------ the registry
class RegistryUnusableError(NotNowError):
    """The version registry cannot be used"""

    reason: ClassVar[str] = "REGISTRY_NOT_INITIALIZED"

    def __init__(self, **facts: Fact) -> None:
        super().__init__(**{"reason": type(self).reason, **facts})


class RegistryNotInitializedError(RegistryUnusableError):
    """Version registry not initialized"""


class NoCurrentVersionError(RegistryUnusableError):
    """No current version available"""

    reason = "NO_CURRENT_VERSION"


class MultipleCurrentVersionsError(RegistryUnusableError):
    """Multiple current versions detected: {versions}"""

    reason = "MULTIPLE_CURRENT_VERSIONS"


class RegistryCorruptedError(RegistryUnusableError):
    """Version registry corrupted"""

    reason = "REGISTRY_CORRUPTED"


class RegistryFileError(DitsError):
    """The file of API versions is wrong: {problem}"""

    code = "REGISTRY_FILE_INVALID"
    kind = "unprocessable"


class RegistryDriftError(DitsError):
    """The file of API versions contradicts what an operator decided since: {drift}. Look, then apply it with --adopt, or take over what stands with `dits versions export`"""

    code = "REGISTRY_DRIFT"
    kind = "conflict"


class VersionLimitExceededError(DitsError):
    """The registry holds {limit} versions, which is its limit; sunset old ones and take them out of the file first"""

    code = "VERSION_LIMIT_EXCEEDED"
    kind = "conflict"


class VersionTransitionError(DitsError):
    """Version '{version_id}' cannot become {wanted}: {because}"""

    code = "VERSION_TRANSITION_REFUSED"
    kind = "conflict"


# ------------------------------------------------------------------ too much
class RateLimitExceededError(DitsError):
    """Too many requests: at most {limit} in {window_seconds} seconds; try again in {retry_after} seconds"""

    code = "RATE_LIMIT_EXCEEDED"
    kind = "throttled"


class MemoryPressureError(NotNowError):
    """This process is short of memory; nothing was lost, send it again later"""
