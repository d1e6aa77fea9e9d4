"""A picture of the page of `dmft explore`: a pinned curve, and another one after the noise was dragged from 0.3 to 0.6.

Needs Chromium and the package playwright.  Run: python runs/explore/picture.py FIGURE.png
"""

import shutil
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
NOISE = 2  # place of the slider among all of the page
PATIENCE = 100_000


def picture(page: Page, path: str) -> None:
    """Pin the first curve, drag the noise, and keep what is seen."""
    page.get_by_text("nodes").wait_for()
    page.get_by_role("button", name="Pin this curve").click()
    for _ in range(15):
        page.locator(".noUi-handle").nth(NOISE).press("ArrowRight")
        page.wait_for_timeout(300)
    page.wait_for_timeout(8000)
    page.screenshot(path=path)


def main(path: str) -> None:
    command = [sys.executable, "-m", "dmft", "explore", "--no-show"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as driver:
        assert server.stdout is not None
        address = server.stdout.readline().split()[0]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1480, "height": 1010})
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        picture(page, path)
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main(sys.argv[1])
