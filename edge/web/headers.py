"""What every answer tells the browser: what the page may do, and how long a file may be kept."""

from __future__ import annotations

from collections.abc import Mapping

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
INDEX_KEPT = "max-age=86400"  # the page itself asks /now whether there is a newer one
NOT_KEPT = "no-store"
UNUSED = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone",
          "midi", "payment", "serial", "usb")


ALWAYS = {"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer", "Server": "village-edge",
          "X-Content-Type-Options": "nosniff"}
# What is no document by itself, however it is opened: on a slow link the policy beside each module would be felt.
PARTS = ("text/javascript", "text/css", "application/json", "font/", "image/png")


def secure(content_type: str, policy: Mapping[str, str], worker: bool) -> Mapping[str, str]:
    """The headers of an answer of this type; `policy` as `policy` makes it; `worker`: it runs by itself."""
    return ALWAYS if content_type.startswith(PARTS) and not worker else {**ALWAYS, **policy}


def policy(script_hash: str, https: bool) -> Mapping[str, str]:
    """What a document may do; `script_hash` allows the import map, the one script that stands in the page. Over plain
    http a browser ignores an opener policy, and complains of it."""
    allowed = {
        "default-src": "'none'",
        "script-src": f"'self' '{script_hash}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in allowed.items()),
        **({"Cross-Origin-Opener-Policy": "same-origin"} if https else {}),
        "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED),
    }


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.strip().replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def known(asked: str, version: str) -> bool:
    """Whether If-None-Match names this version, packed or not (RFC 9110, 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return bool(tags & {"*", f'"{version}"', f'"{version}-gz"'})
