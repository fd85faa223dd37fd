// Debian's Chromium, driven by playwright, for the scripts of this folder. It watches every page that it gives out: what
// the page's policy forbids, what goes wrong in its scripts, what cannot be loaded, what the console complains of. A
// script fails when there was anything of that, unless it said before that it will come.
//
// A script is `flow(async (browser) => { … })`. It is told things as JSON in its argument (`browser.told`), and talks
// with the test that runs it in lines of JSON: `say` and `heard`.
'use strict';
const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { chromium } = require('../node/node_modules/playwright-core');
const axe = require('../node/node_modules/axe-core');

// Longer than a page takes on a slow machine; reached only when a test fails.
const PATIENCE_MS = 30000;
const SCREENSHOTS = process.env.SCREENSHOTS || path.join(__dirname, '../../target/screenshots');
const SERIOUS = ['serious', 'critical'];

// Emits 'noticed' whenever something was noticed, be it expected or not.
class Browser extends EventEmitter {
    constructor(chromium, told) {
        super();
        this.chromium = chromium;
        this.pages = [];
        this.told = told;
        // What went wrong so far, in words.
        this.problems = [];
        this.lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    }

    // A new page, as somebody has it who comes for the first time: nothing cached, no cookies.
    //   script: false   JavaScript is off
    //   width: 390      a phone; else a desk
    //   dark: true      the system prefers dark
    //   like: page      with the cookies of this page
    async open({ script = true, width = 1280, dark = false, like } = {}) {
        const context = await this.chromium.newContext({
            javaScriptEnabled: script,
            viewport: { width, height: width < 600 ? 844 : 800 },
            colorScheme: dark ? 'dark' : 'light',
            reducedMotion: 'reduce',
            locale: 'en',
            storageState: like && (await like.context().storageState()),
        });
        context.setDefaultTimeout(PATIENCE_MS);
        const page = await context.newPage();
        page.expected = [];
        page.loaded = new Map();
        page.posted = [];
        this.pages.push(page);
        await this.#watch(page);
        return page;
    }

    // Something that would be a problem will come on this page, as often as it likes, and must: a pattern of its words.
    expect(page, pattern) {
        page.expected.push({ pattern, times: 0 });
    }

    // Bytes that came over the wire for this page since it was opened, heads of answers and all; with each address. Waits
    // until all its styles and scripts have come.
    async weight(page) {
        const parts = await page.evaluate(() => [...document.querySelectorAll('link[rel=stylesheet], script[src]')]
            .map((part) => part.href || part.src));
        // What is loaded is told in its own time: asking the page for something lets it come.
        while (![page.url(), ...parts].every((part) => page.loaded.has(part))) {
            await page.evaluate('0');
        }
        const each = Object.fromEntries(page.loaded);
        return { bytes: Object.values(each).reduce((sum, bytes) => sum + bytes, 0), each };
    }

    // What makes the page hard to use for somebody must not be there: nothing serious or critical that axe finds.
    async accessible(page) {
        // What is pointed at has other colours.
        await page.mouse.move(0, 0);
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
        for (const { impact, id, help, nodes } of violations.filter(({ impact }) => SERIOUS.includes(impact))) {
            this.#note(page, `axe: ${impact}: ${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
        }
    }

    // target/screenshots/<name>.png, the whole page.
    async screenshot(page, name) {
        await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
    }

    // Tells the test something.
    say(value) {
        process.stdout.write(`${JSON.stringify(value)}\n`);
    }

    // What the test says next.
    async heard() {
        const { value, done } = await this.lines.next();
        assert(!done, 'the test has gone');
        return JSON.parse(value);
    }

    // The addresses that forms were posted to so far, without the host.
    posted() {
        return [...new Set(this.pages.flatMap((page) => page.posted))];
    }

    // All problems, with what was expected and did not come.
    async verdict() {
        // What a page told before it answers this has come.
        await Promise.all(this.pages.filter((page) => !page.isClosed()).map((page) => page.evaluate('0')));
        const missing = this.pages.flatMap(({ expected }) => expected).filter(({ times }) => times === 0);
        return [...this.problems, ...missing.map(({ pattern }) => `never came: ${pattern}`)];
    }

    #complain(page, words) {
        const expected = page.expected.find(({ pattern }) => pattern.test(words));
        if (expected) {
            expected.times += 1;
        } else {
            this.#note(page, words);
        }
        this.emit('noticed');
    }

    #note(page, words) {
        this.problems.push(`${page.url()}: ${words}`);
    }

    async #watch(page) {
        const complain = (words) => this.#complain(page, words);
        await page.exposeFunction('violated', (words) => complain(`policy: ${words}`));
        await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (violation) => {
            const { effectiveDirective, blockedURI, sample, sourceFile, lineNumber } = violation;
            window.violated(`${effectiveDirective} forbids ${blockedURI} ${sample} at ${sourceFile}:${lineNumber}`);
        }));
        page.on('console', (message) => {
            if (message.type() === 'error') {
                complain(`console: ${message.text()} at ${message.location().url}`);
            }
        });
        page.on('request', (request) => {
            if (request.method() === 'POST') {
                page.posted.push(new URL(request.url()).pathname);
            }
        });
        page.on('pageerror', (error) => complain(`error: ${error.stack || error}`));
        page.on('requestfailed', (request) => {
            const { errorText } = request.failure();
            // Whoever leaves a page leaves its requests.
            if (errorText !== 'net::ERR_ABORTED') {
                complain(`failed: ${request.method()} ${request.url()}: ${errorText}`);
            }
        });
        await this.#weigh(page);
    }

    async #weigh(page) {
        const session = await page.context().newCDPSession(page);
        const urls = new Map();
        session.on('Network.requestWillBeSent', ({ requestId, request }) => urls.set(requestId, request.url));
        session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
            const url = urls.get(requestId);
            page.loaded.set(url, (page.loaded.get(url) || 0) + encodedDataLength);
        });
        await session.send('Network.enable');
    }
}

// Runs a script to its end, and ends the process: badly when the script failed or anything was complained of.
async function flow(run) {
    // The browser goes with this process: its pipe ends.
    const chromium = await launch();
    const browser = new Browser(chromium, JSON.parse(process.argv[2] || '{}'));
    let failure;
    try {
        await run(browser);
    } catch (error) {
        failure = error;
        await lastSight(browser);
    }
    const problems = await browser.verdict();
    await chromium.close();
    for (const problem of problems) {
        console.error(problem);
    }
    if (failure) {
        console.error(failure);
    }
    process.exit(failure || problems.length > 0 ? 1 : 0);
}

function launch() {
    fs.mkdirSync(SCREENSHOTS, { recursive: true });
    return chromium.launch({
        executablePath: program(process.env.CHROMIUM || 'chromium'),
        // Root has no sandbox in Chromium.
        chromiumSandbox: process.getuid() !== 0,
        timeout: PATIENCE_MS,
    });
}

function program(name) {
    const places = name.includes('/') ? [name] : process.env.PATH.split(':').map((folder) => path.join(folder, name));
    const found = places.find((place) => fs.existsSync(place));
    assert(found, `there is no ${name}`);
    return found;
}

// How the pages looked when the script failed.
async function lastSight({ pages }) {
    const script = path.basename(process.argv[1], '.js');
    for (const [index, page] of pages.filter((page) => !page.isClosed()).entries()) {
        const file = path.join(SCREENSHOTS, `failed-${script}-${index}.png`);
        await page.screenshot({ path: file, timeout: 5000 }).catch(() => {});
        console.error(`${page.url()} looked like ${file}`);
    }
}

module.exports = { flow };
