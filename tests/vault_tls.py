"""The sandbox's Vault behind TLS, with a certificate that only its own file vouches for."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from rotator.sandbox.vault import SandboxVault


class TlsVault(SandboxVault):
    """`url` is https://; `authority` is the file that vouches for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.authority = certificate(folder)

    @property
    def url(self) -> str:
        return super().url.replace("http://", "https://")

    def start(self) -> None:
        super().start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority)
        assert self._server is not None
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)


def certificate(folder: Path) -> Path:
    """Self-signed, for 127.0.0.1: certificate and key in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    home = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = made.add_extension(home, critical=False)
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return file
