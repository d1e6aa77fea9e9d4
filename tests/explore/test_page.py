"""The page in a browser: drag, pin, save; and who may not see it."""

import asyncio
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE = 120_000

# Not importorskip: Panel takes seconds to import, also where these tests are not run.
pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("panel") is None, reason="Panel is not installed")]


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "dmft", "explore", "--no-show"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
        yield server.stdout.readline().split()[0]
        server.terminate()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def page(browser, address):
    opened = browser.new_page(viewport={"width": 1500, "height": 1000}, accept_downloads=True)
    opened.set_default_timeout(PATIENCE)
    opened.goto(address)
    opened.get_by_text("nodes").wait_for()
    yield opened
    opened.close()


def message(page) -> str:
    return page.get_by_text("nodes").inner_text()


def test_curves_follow_a_slider(page):
    before = message(page)
    page.locator(".noUi-handle").nth(2).press("ArrowRight")
    waited = 0
    while message(page) == before and waited < PATIENCE:
        page.wait_for_timeout(200)
        waited += 200
    assert message(page) != before


def test_a_pin_stays_while_another_curve_is_drawn(page):
    page.get_by_role("button", name="Pin this curve").click()
    page.wait_for_function(
        "() => Bokeh.documents.some(d => d._all_models.values().some(m => m.type === 'LegendItem'"
        " && JSON.stringify(m.label).includes('first pinned')))"
    )


@pytest.mark.parametrize(("button", "beginning"), [("TOML", b"[problem]"), ("H5", b"\x89HDF"), ("PNG", b"\x89PNG")])
def test_what_is_shown_is_saved(page, button, beginning):
    with page.expect_download() as download:
        page.get_by_text(button, exact=True).click()
    assert Path(download.value.path()).read_bytes().startswith(beginning)


def test_without_the_token_there_is_nothing_to_see(browser, address):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address.partition("?")[0])
    page.get_by_text("Wanted the address with its token").wait_for()
    page.close()


def test_foreign_origins_are_refused(address):
    client, websocket = pytest.importorskip("tornado.httpclient"), pytest.importorskip("tornado.websocket")

    async def connect(origin: str) -> None:
        socket = address.partition("?")[0].replace("http:", "ws:") + "ws"
        (await websocket.websocket_connect(client.HTTPRequest(socket, headers={"Origin": origin}))).close()

    with pytest.raises(client.HTTPClientError) as refused:
        in_another_thread(connect("http://elsewhere.example"))
    assert refused.value.code == 403
    in_another_thread(connect(address.partition("/?")[0]))


def in_another_thread(coroutine) -> None:
    """The browser has an event loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, coroutine).result()
