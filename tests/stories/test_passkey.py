"""A passkey, made and used by a real browser with an authenticator of its own."""

import pytest
from playwright.async_api import expect

from tests.kit.chromium import chromium
from tests.kit.site import Site

expect.set_options(timeout=30_000)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stories")]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def test_a_passkey_lets_one_in_without_the_password(site: Site) -> None:
    # Browsers make passkeys for names only, and localhost is one.
    web = site.web.replace("127.0.0.1", "localhost")
    handle = f"key{site.ports['WEB_PORT']}"
    made = site.samvad_json("user", "create", handle)
    async with chromium() as browser:
        page = await browser.page()
        devices = await page.context.new_cdp_session(page)
        await devices.send("WebAuthn.enable")
        await devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await page.goto(f"{web}/accounts/login/")
        await page.fill("#id_login", made["handle"])
        await page.fill("#id_password", made["password"])
        await page.click("main form button.main")
        await page.goto(f"{web}/accounts/passkeys/add/")
        await page.fill("#id_password", made["password"])  # asked once more
        await page.click("main form button.main")
        await page.fill("#id_name", "My key ring")
        await page.click("form.passkey button.main")
        await expect(page.locator("main")).to_contain_text("Recovery codes")
        await page.goto(f"{web}/account/security")
        await expect(page.locator("main")).to_contain_text("My key ring")
        await page.context.clear_cookies()
        await page.goto(f"{web}/accounts/login/")
        await page.get_by_role("button", name="passkey").click()
        await page.wait_for_url(lambda url: "login" not in url)
        await page.goto(f"{web}/account/security")
        await expect(page.locator("main")).to_contain_text("My key ring")
        browser.no_complaints()
