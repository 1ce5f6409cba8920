"""What is written to the log, and what is not."""

import json
import subprocess
import sys

PROGRAM = """
import logging
import structlog
from trainer.logs import configure_logging
configure_logging()
configure_logging()
log = structlog.get_logger()
structlog.contextvars.bind_contextvars(request="r1")

def sign_in(password):
    try:
        raise KeyError("ada@encore.example")
    except KeyError as error:
        raise ValueError("wrong: " + password) from error

secret = " ".join(["seven", "quiet", "herons"])
try:
    sign_in(secret)
except ValueError:
    log.exception("unexpected error")
logging.getLogger("trainer.jobs").warning("job %s failed", 7)
logging.getLogger("httpx").info("GET /?token=secret")
"""


def test_a_traceback_is_logged_without_the_values_of_variables_and_each_event_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["unexpected error", "job 7 failed"]
    assert [line["level"] for line in lines] == ["error", "warning"]
    assert lines[0]["request"] == lines[1]["request"] == "r1"
    assert "in sign_in" in lines[0]["exception"]
    assert "seven quiet herons" not in done.stderr
    assert "ada@encore.example" not in done.stderr
    assert "ValueError (what it says is left out" in lines[0]["exception"]
    assert "KeyError" in lines[0]["exception"]
    assert done.stdout == ""
