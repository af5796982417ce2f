"""Walks a user's life with the client that openapi-python-client made: create, read, edit, list, suspend."""

import sys

sys.path.insert(0, sys.argv[4])

from muster_client import AuthenticatedClient  # noqa: E402
from muster_client.api.lifecycle import users_set_password, users_suspend  # noqa: E402
from muster_client.api.users import users_create, users_list, users_read, users_update  # noqa: E402
from muster_client.models import CreateBody, ProblemDocument, Reason, SetPassword, UserFields, Why  # noqa: E402

url, slug, token = sys.argv[1:4]
client = AuthenticatedClient(base_url=url, token=token)
body = CreateBody(given_name="Pia", family_name="Thon", email="pia@clients.example")
created = users_create.sync(slug, client=client, body=body)
assert created.email == "pia@clients.example", created

read = users_read.sync_detailed(slug, created.id, client=client)
assert read.parsed.display_name == "Pia Thon", read

etag = read.headers["etag"]
edited = users_update.sync(slug, created.id, client=client, body=UserFields(title="Engineer"), if_match=etag)
assert edited.title == "Engineer", edited

listed = users_list.sync(slug, client=client, search="pia@clients", limit=10)
assert [user.id for user in listed.items] == [created.id], listed

active = users_set_password.sync(slug, created.id, client=client, body=SetPassword())
assert active.status == "active", active

suspended = users_suspend.sync(slug, created.id, client=client, body=Why(reason=Reason.LEFT))
assert suspended.status == "suspended", suspended

again = users_suspend.sync(slug, created.id, client=client, body=Why(reason=Reason.LEFT))
assert isinstance(again, ProblemDocument) and again.code == "user.already_suspended", again
print("Python: created, read, edited, listed and suspended a user.")
