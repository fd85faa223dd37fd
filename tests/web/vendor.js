// The parts of `src/web/static/vendor/` under the policy that the pages are served with: nothing in them breaks it. The
// pages here are the least that uses all of them; what htmx does with an answer is written down in what is checked.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { flow } = require('./browser');

const VENDOR = path.join(__dirname, '../../src/web/static/vendor');
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const CONFIG = JSON.stringify({
    includeIndicatorCSS: false, history: false, noSwap: [204, 304, '5xx'], defaultTimeout: 10000,
    defaultSettleDelay: 0,
});

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Parts</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="htmx-config" content='${CONFIG}'>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/pico.min.css"><link rel="stylesheet" href="/uPlot.min.css">
<script src="/htmx.min.js" defer></script><script src="/uPlot.iife.min.js" defer></script>
<script src="/page.js" defer></script></head>
<body hx-headers:inherited='{"x-csrf-token": "secret"}'><main class="container"><h1>Parts</h1>
<section id="polled" hx-get="/polled" hx-trigger="every 100ms" hx-swap="outerHTML" hx-sync="this:drop">0</section>
<p id="beside">old</p>
<form method="post" action="/saved"><label>Name <input name="name" id="name" hx-post="/typed" hx-target="#typed"
hx-trigger="input changed delay:50ms" hx-sync="this:replace"></label><button id="save">Save</button></form>
<p id="typed"></p>
<button hx-post="/refused" hx-target="#refused">Refused</button><p id="refused"></p>
<button hx-post="/broken" hx-target="#broken">Broken</button><p id="broken">whole</p>
<button hx-post="/away" hx-target="#broken">Away</button>
<div id="morphed" hx-get="/morphed" hx-trigger="morph" hx-swap="innerMorph"><input id="kept" aria-label="Kept"><b>old</b></div>
<div id="chart"></div></main></body></html>`;

const SCRIPT = `new uPlot({ width: 300, height: 200, series: [{}, { label: 'y', stroke: 'red' }] }, [[1, 2, 3], [4, 5, 6]],
    document.getElementById('chart'));`;

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8' };

// Each request that came, and answers by path.
class Server {
    constructor() {
        this.requests = [];
        this.polls = 0;
        this.server = http.createServer((request, response) => this.#answer(request, response));
    }

    async start() {
        await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
        return `http://127.0.0.1:${this.server.address().port}`;
    }

    async #answer(request, response) {
        let body = '';
        for await (const part of request) {
            body += part;
        }
        this.requests.push({ method: request.method, path: request.url, headers: request.headers, body });
        const { status = 200, headers = {}, type = '.html', text } = this.#reply(request.url, body);
        response.writeHead(status, { 'content-type': TYPES[type], 'content-security-policy': POLICY, ...headers });
        response.end(text);
    }

    #reply(url, body) {
        switch (url) {
            case '/': return { text: PAGE };
            case '/page.js': return { type: '.js', text: SCRIPT };
            case '/polled': return { text: this.#polled() };
            case '/typed': return { text: `typed ${body}` };
            case '/refused': return { status: 422, text: 'no such name' };
            case '/broken': return { status: 500, text: 'a page about what is broken' };
            case '/away': return { status: 401, headers: { 'hx-redirect': '/login' }, text: 'who are you?' };
            case '/morphed': return { text: '<input id="kept" aria-label="Kept"><b>new</b>' };
            case '/login': return { text: '<!doctype html><html lang="en"><title>Login</title><link rel="icon" href="data:,"><h1>Login</h1>' };
            default: return { type: path.extname(url), text: fs.readFileSync(path.join(VENDOR, path.basename(url))) };
        }
    }

    // Three times with a trigger, and then without: that is how a poll ends.
    #polled() {
        this.polls += 1;
        const trigger = this.polls < 3 ? 'hx-get="/polled" hx-trigger="every 100ms" hx-swap="outerHTML" hx-sync="this:drop"' : '';
        return `<section id="polled" ${trigger}>${this.polls}</section><p id="beside" hx-swap-oob="true">new ${this.polls}</p>`;
    }

    asked(path) {
        return this.requests.filter((request) => request.path === path);
    }
}

flow(async (browser) => {
    const server = new Server();
    const address = await server.start();
    const page = await browser.open({ width: 390, dark: true });
    await page.goto(address);
    const { bytes } = await browser.weight(page);
    assert(bytes > 170000 && bytes < 200000, `${bytes}`);

    await page.locator('#polled', { hasText: '3' }).waitFor();
    await page.locator('#beside', { hasText: 'new 3' }).waitFor();
    await page.locator('#chart canvas').waitFor();

    await page.locator('#name').pressSequentially('ab');
    await page.locator('#typed', { hasText: 'typed name=ab' }).waitFor();
    const typed = server.asked('/typed').at(-1);
    assert.equal(typed.headers['x-csrf-token'], 'secret');
    assert.equal(typed.headers['hx-request'], 'true');

    browser.expect(page, /status of 422/);
    await page.getByText('Refused').click();
    await page.locator('#refused', { hasText: 'no such name' }).waitFor();

    browser.expect(page, /status of 500/);
    const broken = page.waitForResponse('**/broken');
    await page.getByText('Broken').click();
    await (await broken).finished();

    await page.locator('#kept').fill('typed here');
    await page.evaluate(() => document.getElementById('morphed').dispatchEvent(new Event('morph')));
    await page.locator('#morphed b', { hasText: 'new' }).waitFor();
    assert.equal(await page.locator('#kept').inputValue(), 'typed here');
    assert.equal(await page.locator('#broken').textContent(), 'whole');
    assert.equal(server.polls, 3);

    await browser.accessible(page);
    await browser.screenshot(page, 'vendor');
    browser.expect(page, /status of 401/);
    await page.getByText('Away').click();
    await page.getByRole('heading', { name: 'Login' }).waitFor();
});
