"""A mail server for the tests: aiosmtpd on free ports of this machine, in the three ways that servers are reached.

Prints its ports as the first line, then each mail as one line of JSON before it is acknowledged; both the headers and the
parts are read by Python's own parser. Ends when its standard input does.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

NAME, PASSWORD = b"muster", "pässword with a space".encode()


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (NAME, PASSWORD), handled=False)


class Printer:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        singles = [part for part in mail.walk() if not part.is_multipart()]
        parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in singles}
        shown = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "is_encrypted": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            "is_signed_in": bool(session.authenticated),
            "headers": [[name.lower(), str(value)] for name, value in mail.items()],
            "encodings": [part["content-transfer-encoding"] for part in singles],
            "defects": [repr(defect) for part in mail.walk() for defect in part.defects]
            + [repr(defect) for value in mail.values() for defect in value.defects],
            "text": parts.get("text/plain"),
            "html": parts.get("text/html"),
            "longest_line": max(map(len, envelope.content.split(b"\r\n"))),
            "raw": envelope.content.decode("utf-8", "replace"),
        }
        print(json.dumps(shown), flush=True)
        return "250 2.0.0 taken"


async def main(certificate, key):
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    signed_in = {"auth_required": True, "authenticator": authenticate}

    def serve(**how):
        return lambda: SMTP(Printer(), hostname="peer.test", enable_SMTPUTF8=True, loop=loop, **how)

    ways = {
        "plain": (serve(), None),
        "plain_with_password": (serve(auth_require_tls=False, **signed_in), None),
        "starttls": (serve(tls_context=context, require_starttls=True, **signed_in), None),
        "tls": (serve(auth_require_tls=False, **signed_in), context),
    }
    ports, servers = {}, []
    for way, (protocol, tls) in ways.items():
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        ports[way] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:3]))
