"""Page tokens are opaque: only an answer gives one, and any other is refused with 400. None is made up here."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    mode = getattr(getattr(case.meta, "generation", None), "mode", None)
    if mode is None or mode.is_positive:
        for name in ("cursor", "page_token"):
            (case.query or {}).pop(name, None)
