// The status page in a real browser, against a real server: an endpoint is added, tried and removed.
// Usage: node browser_test.mjs PROGRAM MODEL_FOLDER [SCREENSHOT_FOLDER]
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [program, model, screenshots] = process.argv.slice(2);
const admin = "admin-key-0123456789";
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!program || !model || !executablePath) {
  console.error("usage: node browser_test.mjs PROGRAM MODEL_FOLDER [SCREENSHOT_FOLDER]; needs Chromium in /usr/bin");
  process.exit(2);
}

function expect(condition, told) {
  if (!condition) throw new Error(told);
}

/** Starts the server; gives its address once it listens. */
function serve() {
  const server = spawn(program, ["serve", "--port", "0", "--api-key", "test-key-0123456789", "--admin-key", admin], {
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, ACCELERATE_CACHE: mkdtempSync(join(tmpdir(), "page-test-")) },
  });
  let said = "";
  return new Promise((resolve, reject) => {
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    server.stderr.on("data", (data) => {
      said += data;
      const address = said.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (address) resolve({ server, address: address[0] });
    });
  });
}

const { server, address } = await serve();
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = false;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto(address);

  await page.fill("input[name=key]", "a wrong key");
  await page.click("form.key button");
  await page.waitForSelector("text=not accepted");
  await page.fill("input[name=key]", admin);
  await page.click("form.key button");
  await page.waitForSelector("text=None yet");

  await page.fill("form.add input[name=name]", "nothing");
  await page.fill("form.add input[name=folder]", "/no/such/folder");
  await page.click("form.add button");
  await page.waitForSelector("section[aria-label=Endpoints] .error");
  expect((await page.textContent("section[aria-label=Endpoints] .error")).includes("/no/such/folder"), "the error does not name the folder");

  await page.fill("form.add input[name=name]", "tried");
  await page.fill("form.add input[name=folder]", model);
  await page.selectOption("form.add select[name=backend]", "cpu");
  await page.selectOption("form.add select[name=precision]", "fp32");
  await page.click("form.add button");
  await page.waitForSelector("tr[data-endpoint=tried] .state.ready", { timeout: 60000 });

  await page.fill("form.try textarea[name=text]", "A boat leaves the harbour.");
  await page.click("form.try button[type=submit]");
  await page.waitForSelector("pre.answer");
  const answer = JSON.parse((await page.textContent("pre.answer")).replace(/,\s*"…[^"]*"/g, ""));
  expect(answer.task === "embed" && answer.model === "tried", `the answer is ${JSON.stringify(answer)}`);
  expect(answer.answers[0].embedding.every(Number.isFinite), "the embedding is not of numbers");
  await page.waitForFunction(() => document.querySelector("section[aria-label='Devices'] li.usable") !== null, null, { timeout: 60000 });
  for (const [name, width, height] of [["wide", 1280, 900], ["narrow", 390, 844]]) {
    await page.setViewportSize({ width, height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(overflow <= 0, `the page is ${overflow} pixels wider than a window of ${width}`);
    if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 900 });

  await page.click("tr[data-endpoint=tried] button.danger");
  await page.waitForSelector("text=None yet", { timeout: 30000 });
  expect(troubles.length === 0, `errors in the page: ${troubles.join("; ")}`);
  console.log("status page: passed");
} catch (error) {
  failed = true;
  console.error(`status page: FAILED: ${error.message}`);
} finally {
  await browser.close();
  server.removeAllListeners("exit");
  server.kill("SIGTERM");
}
process.exit(failed ? 1 : 0);
