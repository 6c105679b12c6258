"""The style sheet of every page: light or dark as the reader has it, on paper, and for the keyboard."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from .colours import DARK, LIGHT, variables

_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif}
body{margin:0 auto;max-width:86rem;padding:1.5rem 1.5rem 3rem;font-variant-numeric:tabular-nums}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 .25rem}
h2{font-size:1.2rem;line-height:1.3;margin:2.25rem 0 .5rem}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
p{margin:.25rem 0 .75rem;max-width:70ch}
.quiet{color:var(--quiet);background:var(--page)}
a{color:var(--link);background:var(--page)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
nav ul,ul.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:.5rem 0;padding:0}
ul.legend li{display:flex;align-items:center;gap:.4rem;font-size:.875rem}
.scroll{overflow-x:auto;margin:.5rem 0}
svg{display:block}
svg.chart{width:100%;min-width:54rem;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;
fill:var(--ink)}
svg text.hour{fill:var(--quiet);font-size:11px}
svg text.in{font-size:11px}
.ground{fill:var(--ground)}
.grid{stroke:var(--rule);stroke-width:1}
.hours{fill:var(--open);stroke:var(--edge);stroke-width:.75}
.closure{fill:url(#hatch);stroke:var(--closure-edge);stroke-width:.75}
.blocked{fill:url(#cross);stroke:var(--blocked-edge);stroke-width:1}
.buffer{fill:var(--buffer);stroke:var(--buffer-edge);stroke-width:.75}
.booking{fill:var(--booking);stroke:var(--page);stroke-width:1}
.hold{fill:var(--hold);stroke:var(--hold-edge);stroke-width:1.5;stroke-dasharray:4 2}
.placed{fill:var(--placed);stroke:var(--placed-edge);stroke-width:1.5}
.offer{fill:var(--offer);stroke:var(--page);stroke-width:.75}
text.on-booking{fill:var(--on-booking)}text.on-hold{fill:var(--on-hold)}
text.on-blocked{fill:var(--on-blocked);paint-order:stroke;stroke:var(--blocked);stroke-width:4px}
text.on-placed{fill:var(--on-placed)}
.hatch-ground{fill:var(--closure)}.hatch-line{stroke:var(--closure-edge);stroke-width:1.25}
.cross-ground{fill:var(--blocked)}.cross-line{stroke:var(--blocked-edge);stroke-width:.75}
table{border-collapse:collapse;font-size:.875rem}
caption{text-align:left;color:var(--quiet);background:var(--page);padding:0 0 .4rem}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:middle}
th{font-weight:600}
thead th{border-bottom:2px solid var(--rule);vertical-align:bottom}
tbody tr+tr>*{border-top:1px solid var(--rule)}
td.n,th.n{text-align:right}
table.heat td{border:2px solid var(--page);text-align:center;min-width:2.6rem;padding:.3rem .2rem}
table.heat th{padding:.3rem .5rem}table.heat thead th{border:0;text-align:center;font-weight:400}
table.heat tbody tr+tr>*{border-top:2px solid var(--page)}
.h0{background:var(--heat-0);color:var(--on-heat-0)}
.h1{background:var(--heat-1);color:var(--on-heat-1)}
.h2{background:var(--heat-2);color:var(--on-heat-2)}
.h3{background:var(--heat-3);color:var(--on-heat-3)}
.h4{background:var(--heat-4);color:var(--on-heat-4)}
.scale{display:inline-block;
min-width:3.4rem;padding:.1rem .3rem;text-align:center;font-size:.8125rem;white-space:nowrap}
p.key{font-size:.875rem}
table.week td{padding:.25rem .35rem}table.week th{white-space:nowrap}
table.week small{display:block;color:var(--quiet);background:var(--page);line-height:1.2;margin-top:.15rem}
table.week thead th{font-weight:400}
details{margin:.5rem 0 1rem}summary{cursor:pointer;color:var(--link);background:var(--page)}
a[aria-current]{font-weight:700;text-decoration:none}
form{margin:.75rem 0}td form,.done form{margin:0}
form.card,fieldset{background:var(--card);color:var(--ink);border:1px solid var(--rule);border-radius:8px;padding:1rem}
fieldset{padding:.25rem .75rem .75rem}legend{padding:0 .3rem}
.fields{display:flex;flex-wrap:wrap;gap:.75rem 1.25rem;align-items:end}
.fields label{display:block;font-size:.875rem}
input,select{font:inherit;color:var(--ink);background:var(--page);border:1px solid var(--edge);border-radius:5px;
padding:.35rem .5rem;max-width:22rem}
button{font:inherit;color:var(--on-button);background:var(--button);border:0;border-radius:5px;padding:.4rem .9rem;
cursor:pointer}
button.slim{padding:.15rem .6rem;font-size:.875rem}
.alert,.done{border-radius:8px;padding:.6rem 1rem;margin:1rem 0}
.alert{background:var(--alert);color:var(--on-alert)}.done{background:var(--done);color:var(--on-done)}
@media print{
@page{size:A4 landscape;margin:12mm}
html{font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{padding:0;max-width:none}nav,details,.skip,form,button{display:none}
.scroll{overflow:visible}svg.chart{min-width:0}
h2,h3{break-after:avoid}tr,figure,svg.bar,svg.strip{break-inside:avoid}thead{display:table-header-group}
}
"""


def style_sheet() -> str:
    """The sheet, the same in every page."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
    return f":root{{{variables(LIGHT)}}}{dark}{_RULES}"


def style_digest() -> str:
    """What a Content-Security-Policy calls the sheet by."""
    return f"'sha256-{b64encode(sha256(style_sheet().encode()).digest()).decode()}'"
