# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of the bench, made with openssl."""

import pathlib
import subprocess


def _openssl(*arguments, text: str = "") -> None:
    subprocess.run(["openssl", *map(str, arguments)], input=text, text=True, check=True, capture_output=True)


def _key(file: pathlib.Path) -> None:
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file)


class Authority:
    """NAME.crt and NAME.key in `folder`; the authority itself is `certificate`."""

    def __init__(self, folder: pathlib.Path, name: str = "ca"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        _key(self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-days", 30,
                 "-subj", f"/CN=stillhead-bench-{name}", "-out", self.certificate,
                 "-addext", "keyUsage=critical,digitalSignature,keyCertSign")

    def issue(self, name: str, subject: str) -> tuple[pathlib.Path, pathlib.Path]:
        """(certificate, key), good for a client and for a server on this machine."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth,serverAuth\n"
                              "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        _key(key)
        _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                 "-CAcreateserial", "-days", 30, "-extfile", extensions, "-out", certificate)
        return certificate, key


def service_account_keys(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """(private, public): the API server does not start without them."""
    private, public = folder / "service-accounts.key", folder / "service-accounts.pub"
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
    _openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public
