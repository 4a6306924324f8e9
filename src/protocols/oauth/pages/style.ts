/** The style of every page: system fonts, both schemes, readable from a telephone up. */
export const STYLE = `
:root{--ink:#1a1d21;--soft:#59616b;--line:#dfe3e8;--paper:#fff;--ground:#f3f5f7;--go:#1557c0;--go-ink:#fff;--warn:#8a4b00;--warn-ground:#fff4e0;--warn-line:#f0d3a0;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a2abb5;--line:#343a42;--paper:#1c2025;--ground:#121519;--go:#6ea8fe;--go-ink:#0b1a33;--warn:#ffcf8a;--warn-ground:#33270f;--warn-line:#5c4618}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;display:grid;place-items:center;padding:24px 16px}
main{width:100%;max-width:34rem;background:var(--paper);border:1px solid var(--line);border-radius:14px;padding:28px}
.brand{margin:0 0 20px;color:var(--soft);font-size:.8125rem;letter-spacing:.02em}
h1{margin:0 0 8px;font-size:1.375rem;line-height:1.3;overflow-wrap:anywhere}
p{margin:0 0 14px;overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.9375rem}
dl{margin:18px 0;border-top:1px solid var(--line)}
dl div{display:grid;grid-template-columns:8.5rem 1fr;gap:12px;padding:9px 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code{font:.875em/1.4 ui-monospace,SFMono-Regular,Menlo,"Liberation Mono",monospace;overflow-wrap:anywhere}
h2{font-size:1rem;margin:20px 0 6px}
ul{margin:0;padding:0;list-style:none;border:1px solid var(--line);border-radius:10px;max-height:17rem;overflow:auto}
li{padding:9px 12px;border-bottom:1px solid var(--line);display:flex;gap:10px;align-items:baseline;justify-content:space-between}
li:last-child{border-bottom:0}
li span{color:var(--soft);font-size:.8125rem;white-space:nowrap}
li .write{color:var(--warn);font-weight:600}
.warn{margin:14px 0;padding:11px 14px;border:1px solid var(--warn-line);border-radius:10px;background:var(--warn-ground);color:var(--warn);font-size:.9375rem}
.note{margin:14px 0;padding:11px 14px;border:1px solid var(--line);border-radius:10px}
form{display:flex;gap:12px;margin-top:24px;flex-wrap:wrap}
button{flex:1 1 9rem;min-height:44px;font:inherit;font-weight:600;border-radius:10px;border:1px solid var(--line);background:transparent;color:var(--ink);cursor:pointer;padding:10px 16px}
button.go{background:var(--go);border-color:var(--go);color:var(--go-ink)}
button:focus-visible{outline:3px solid var(--go);outline-offset:2px}
@media (max-width:30rem){main{padding:22px 18px}dl div{grid-template-columns:1fr;gap:0}}
`
