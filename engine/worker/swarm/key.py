"""The key that the engine's side of a line to a task is known by: made once per home, and what boxes are told of it."""

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

from engine.worker.swarm.plan import KEY
from pipelines.records import dataclass

_SIGNATURE_BYTES = 276  # what a certificate of a 2,048 bit RSA key ends with: the algorithm and the signature
_FLIGHT_BYTES = 62  # the least that stands before a certificate in what a TLS 1.2 server says first
# Without elliptic curves, so that the certificate alone proves the server: see `pinned` in courier.sh. The level is for
# the signatures that busybox offers; a connection of this cipher has none.
_CIPHERS = "AES128-GCM-SHA256:@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class Key:
    """`certificate` is PEM; `pin` the hex of its signed part, found within the first `flight` bytes of a handshake."""

    path: Path
    certificate: str
    pin: str
    flight: int

    def context(self) -> ssl.SSLContext:
        """Return what a server makes connections with: TLS 1.3, and the one cipher of 1.2 that busybox is held to."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        context.set_ciphers(_CIPHERS)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_TICKET
        return context


def key_of(home: Path) -> Key:
    """Return the key of a home, made when it is first asked for. The file is for its owner alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    path = home / KEY
    if not path.exists():
        _make(path)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    der = certificate.public_bytes(Encoding.DER)
    pin = der[: len(der) - _SIGNATURE_BYTES].hex()
    return Key(path, certificate.public_bytes(Encoding.PEM).decode(), pin, _FLIGHT_BYTES + len(der))


def _make(path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "treadle")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))  # nodes whose clocks are wrong may still dial
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    partial.rename(path)
