"""A browser with the pages of the site, read from the disk as a reader without a server has them."""

import os
import re
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SITE = Path(os.environ["ABMART_SITE"]).resolve()
SCREENSHOTS = os.environ.get("ABMART_SCREENSHOTS")
SIZES = {"wide": (1280, 900), "phone": (360, 800)}


class Reader:
    """One who reads the site."""

    def __init__(self, driver, size):
        self.driver = driver
        self.size = size

    def open(self, page):
        self.driver.get(f"file://{SITE}/{page}")
        return self

    def page(self):
        """The page that is open, relative to the site, without its anchor."""
        return self.driver.current_url.removeprefix(f"file://{SITE}/").split("#")[0]

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, condition, seconds=10):
        return WebDriverWait(self.driver, seconds).until(lambda _: condition())

    def emulate(self, **features):
        """What the reader's system prefers, as in `prefers_color_scheme="dark"`."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def errors(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def picture(self, name):
        if SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(folder / f"{re.sub('[^a-z0-9_]+', '-', name)}-{self.size}.png"))


@pytest.fixture(params=SIZES)
def reader(request, tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for switch in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--lang=en-US",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    width, height = SIZES[request.param]
    # A window cannot be as narrow as a phone, so the viewport is set.
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": request.param == "phone"},
    )
    yield Reader(driver, request.param)
    driver.quit()
