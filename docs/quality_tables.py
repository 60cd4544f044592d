"""The tables of how_good_is_it.md, made from the committed results of validation and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "validation" / "results"
TIMES = ROOT / "benchmarks" / "results"


def read(name: str) -> pd.DataFrame:
    """A committed table of validation."""
    return pd.read_csv(RESULTS / name)


def percent(share: float) -> str:
    """A share in percent: one digit more below ten, and near a nominal 95%."""
    if pd.isna(share):
        return ""
    return f"{100 * share:.1f}" if 0 < share < 0.1 or 0.93 < share < 0.97 else f"{100 * share:.0f}"


def span(shares: Iterable[float], form: Callable[[float], str] = percent) -> str:
    """The smallest and the largest of some values."""
    values = pd.Series(list(shares), dtype=float).dropna()
    if values.empty:
        return ""
    low, high = form(values.min()), form(values.max())
    return low if low == high else f"{low} to {high}"


def ratio(value: float) -> str:
    """A ratio with two digits."""
    return f"{value:.2f}"


def markdown(rows: Iterable[list[object]], head: list[str]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def coverage() -> str:
    """Coverage of 95% intervals beside other programs."""
    found = read("its_coverage.csv")
    names = {
        "reml-ar1": 'here, `errors="ar1"`',
        "R nlme::gls REML": "R, `nlme::gls`",
        "statsmodels GLSAR": "statsmodels GLSAR",
        "newey-west": "least squares, Newey-West",
        "ols": "least squares",
    }
    found = found[(found["rho"] <= 0.6) | (found["process"] != "ar1")]
    head = ["method", "AR(1), level", "AR(1), slope", "AR(2), level", "AR(1) and noise, level"]
    rows = []
    for method, name in names.items():
        mine = found[found["method"] == method]
        cells = [("ar1", "level"), ("ar1", "slope"), ("ar2", "level"), ("ar1+noise", "level")]
        line = [name]
        for process, quantity in cells:
            chosen = mine[(mine["process"] == process) & (mine["quantity"] == quantity)]
            line.append(span(chosen["coverage"]))
        rows.append(line)
    return markdown(rows, head)


def headlines() -> str:
    """The short table of the README."""
    page = "docs/how_good_is_it.md"
    covered = read("its_coverage.csv")
    covered = covered[
        (covered["process"] == "ar1") & (covered["rho"] <= 0.6) & (covered["quantity"] == "level")
    ]
    at = {name: span(cell["coverage"]) for name, cell in covered.groupby("method")}
    bent = read("honest_trends.csv")
    bent = bent[bent["kind"] == "false"]
    sine, bent = bent[bent["process"] == "sine wave"], bent[bent["process"] != "sine wave"]
    level, slope, other = (bent[bent["term"] == t] for t in ("level", "slope", "any but level"))
    public = read("its_public.csv")
    public = public.set_index("every").filter(regex="^false_").max(axis=1)
    found = read("change_points_0.2.0.csv")
    null = found[(found["study"] == "false_alarms") & (found["what"] == "dated")]
    usual = null[null["kind"].str.fullmatch(r"AR (0|\.4|\.7)|t3.*|Poisson.*")]
    power = found[(found["study"] == "power") & (found["what"] == "dated")]
    step = power.set_index("kind")["share"]["3 sd at 36, AR 0.4, trend=True"]
    grown = null[null["kind"].str.startswith("logistic")]["share"]
    long = null[null["kind"].str.startswith("long memory")]["share"]
    shared = read("common_shocks_summary.csv")
    shared = shared[shared["cell"].str.fullmatch("platforms.*/0.0")]
    watched = read("monitoring.csv")
    watched = watched[watched["step_sd"] == 0].groupby("method")["alarms"]
    cohorts = read("placebo_cohorts.csv").set_index("world")["passed"]
    default_of_r = "R's default"
    whole = read("claims_new_rule_confusion.csv")
    files = read("loading.csv")
    rows = [
        [
            "Does a 95% interval cover?",
            f"a level under AR(1) errors: {at['reml-ar1']}%; R's `nlme::gls` "
            f"{at['R nlme::gls REML']}%, Newey-West {at['newey-west']}%. Under bends, growth, long "
            "memory and slow noise, the honest interval: of a level "
            f"{span(level['covers_honest'])}%, of a slope {span(slope['covers_honest'])}%",
        ],
        [
            "Is an effect claimed where there is none?",
            f"every default: each row alone in at most {percent(public['monthly'].max())}% of "
            f"monthly and {percent(public['weekly'].max())}% of weekly series; under bends and "
            "slow noise a level in at most "
            f"{percent(level['rule'].max())}%, any other row in at most "
            f"{percent(other['rule'].max())}% (plain test: up to "
            f"{percent(other['averaged'].max())}%). **Missed**: a slow sine wave, up to "
            f"{percent(sine['rule'].max())}%",
        ],
        [
            "Is a change dated where there is none, or missed?",
            f"nominal 5%: dated in {span(usual['share'])}% of AR(1), heavy-tailed and count "
            f"series; a step of 3 sd in 72 periods is found in {percent(step)}%. **Missed**: "
            f"smooth growth up to {percent(grown.max())}%, long memory up to "
            f"{percent(long.max())}%",
        ],
        [
            "Does watching every month cry wolf?",
            f"false alarms {span(watched.get_group('default, OLS-CUSUM'))}% over autocorrelations "
            f"of 0 to .8; R's default {span(watched.get_group(default_of_r))}%",
        ],
        [
            "Do artists of one platform who share shocks fool it?",
            f"intervals between platforms miss {span(shared['miss'])}% of the time; clustered by "
            f"artist alone {span(shared['miss_without_shocks'])}%",
        ],
        [
            "Do placebo cohorts tell a recipe from an event?",
            f"ageing alone passes in {percent(cohorts['ageing'])}% of worlds, a fall of 30% in "
            f"{percent(cohorts['ageing, -30%'])} to {percent(cohorts['flat, -30%'])}%",
        ],
        [
            "Does the whole procedure claim what is not there?",
            f"no effect: {whole['claimed'][0]} of {whole['n'][0]} populations; a fall as large as "
            f"it says it can find: {whole['claimed'][1]} of {whole['n'][1]}",
        ],
        [
            "Are rows lost on the way in?",
            f"{files['examples'].sum():,} random files in every format and damage: "
            f"{files['wrong'].sum()} wrong counts",
        ],
    ]
    table = markdown(rows, ["question", "measured"])
    return f"{table}\nEvery table, command and miss: [How good is it?]({page}).\n"


def widths() -> str:
    """Widths of intervals over those of one who knows the autocorrelation."""
    found = read("its_widths.csv")
    rows = []
    for (term, n), cell in found.groupby(["term", "n"]):
        kinds = ("shortest", "averaged", "ar1")
        line = [f"{term}, {n} months", ratio(cell["bound"].max())]
        for kind in kinds:
            line.append(ratio(cell[f"width_{kind}"].max()))
            line.append(percent(cell[f"covers_{kind}"].min()))
        rows.append(line)
    head = ["largest width, least coverage", "least possible"]
    for kind in ("`result.shortest()`", "default", '`errors="ar1"`'):
        head += [kind, "covers"]
    return markdown(rows, head)


def trends() -> str:
    """Coverage and false claims under courses and noise that bend."""
    found = read("honest_trends.csv")
    found = found[found["kind"] == "false"]
    rows = []
    for process, cell in found.groupby("process", sort=False):
        level, slope, other = (
            cell[cell["term"] == term] for term in ("level", "slope", "any but level")
        )
        rows.append(
            [
                process,
                f"{span(level['covers'])} / {span(level['covers_honest'])}",
                f"{span(slope['covers'])} / {span(slope['covers_honest'])}",
                span(level["honest_width"], ratio),
                span(level["rule"]),
                span(other["rule"]),
                span(other["averaged"]),
            ]
        )
    head = ["the untreated course", "level covered, plain / honest", "slope covered"]
    head += ["width, honest over plain", "level claimed", "other row claimed", "by the plain test"]
    return markdown(rows, head)


def price() -> str:
    """What the claim rule costs in power."""
    found = read("honest_trends.csv")
    found = found[found["kind"] == "power"]
    names = {"effect_12m": "12 months after", "cumulative": "sum after"}
    rows = []
    for (level, slope, term), cell in found.groupby(["level", "slope", "term"], sort=False):
        effect = f"level {level:+.0%} log" if level else f"slope {slope:+.0%} a month"
        what = effect if term in ("level", "slope") else f"{names[term]} a {effect}"
        months = " / ".join(str(n) for n in cell["n"])
        shares = (" / ".join(map(percent, cell[name])) for name in ("averaged", "rule"))
        rows.append([what, months, *shares])
    return markdown(rows, ["true effect", "months", "plain test finds", "the rule claims"])


def processes() -> str:
    """The whole verb on processes that nobody designed it for."""
    found = read("its_processes.csv")
    real = ("gradual onset over 6", "starts 3 early", "transient, 6 long")  # an effect, badly dated
    rows = []
    for (process, effect, every), cell in found.groupby(["process", "effect", "freq"], sort=False):
        runs = cell["runs"]

        def mean(name: str, cell: pd.DataFrame = cell, runs: pd.Series = runs) -> str:
            known = cell[name].notna()
            if not known.any():
                return ""
            return percent((cell[name] * runs)[known].sum() / runs[known].sum())

        every = {"MS": "months", "W-MON": "weeks", "D": "days"}[every]
        what = f"{process}, effect {effect}" if effect else process
        rows.append(
            [
                what if every == "months" else f"{what}, {every}",
                ", ".join(str(n) for n in sorted(cell["n"])),
                runs.sum(),
                mean("ok"),
                "" if effect or process in real else mean("claims_any"),
                mean("covers_level_honest"),
                mean("covers_slope_honest"),
            ]
        )
    head = ["process", "periods", "series", "status ok", "false claim of any row"]
    return markdown(rows, [*head, "level covered (honest)", "slope covered (honest)"])


def public() -> str:
    """False claims and answers where nothing happens, by the public verb with its defaults."""
    found = pd.concat([read("its_public.csv"), read("its_public_daily.csv")])
    terms = ("level", "slope", "effect_12m", "cumulative")
    rows = []
    for (course, every, phi), cell in found.groupby(["course", "every", "phi"], sort=False):
        false = pd.concat([cell[f"false_{term}"] for term in terms])
        long = cell[cell["n"] > cell["n"].min()] if cell["n"].nunique() > 1 else cell
        long = long[long["ok"] > 0]  # 800 days have an answer by months alone
        free = pd.concat([long[f"unmarked_{term}"] for term in terms])
        free = free.mask(free == 0)  # no 12 months after the event, no such row
        rows.append(
            [
                f"{course}, {every}, autocorrelation {phi}",
                ", ".join(str(n) for n in sorted(cell["n"].unique())),
                int(cell["repetitions"].sum()),
                span(false),
                span(cell["ok"]),
                span(free),
            ]
        )
    head = ["course of level, logarithmic and count data", "periods", "series"]
    head += ["p at most .05, unmarked", "status ok", "nothing marked (but the shortest)"]
    return markdown(rows, head)


def multiplicity() -> str:
    """False rows of many, and the power that is left, by way of adjusting."""
    found = read("multiplicity_rows.csv")
    found["case"] = found["case"].fillna("no effect").replace("null", "no effect")
    kept = found[found["case"].isin(["no effect", "only level", "level in all", "level in half"])]
    rows = []
    for (case, series, way), cell in kept.groupby(["case", "series", "way"], sort=False):
        power = percent(cell["power"].mean())
        rows.append([case, series, way, percent(cell["any_false_row"].max()), power])
    return markdown(rows, ["effect", "series", "adjusted", "any false row (largest)", "power"])


def watching() -> str:
    """False alarms of monitoring, and how soon a change is seen."""
    found = read("monitoring.csv")
    rows = []
    for method, cell in found.groupby("method", sort=False):
        quiet, shifted = cell[cell["step_sd"] == 0], cell[cell["step_sd"] == 2]
        at = quiet.set_index("rho")["alarms"]
        rows.append(
            [
                method,
                *(percent(at[rho]) for rho in (0.0, 0.5, 0.8)),
                span(shifted["alarms"]),
                span(shifted["median_months_to_alarm"], lambda months: f"{months:g}"),
            ]
        )
    head = ["boundary", "false alarms, rho 0", "rho .5", "rho .8"]
    return markdown(rows, [*head, "change of 2 sd found", "months until then (median)"])


def attrition() -> str:
    """Artists who leave: bias and coverage by estimator."""
    found = read("artists_summary.csv")
    rows = []
    for estimator, cell in found.groupby("estimator", sort=False):
        rows.append(
            [
                estimator,
                cell["panels"].min(),
                span(cell["bias"], lambda bias: f"{bias:+.2f}"),
                span(cell["coverage"]),
            ]
        )
    return markdown(rows, ["estimator", "populations a cell", "bias (log)", "covers"])


def shocks() -> str:
    """Comparisons whose artists share shocks."""
    found = read("common_shocks_summary.csv")
    found = found[found["claims"].notna() & found["cell"].str.endswith("/0.0")]
    rows = []
    for _, row in found.iterrows():
        kind, artists, sd, phi, months, _ = row["cell"].split("/")
        what = f"{kind}, {artists} artists, shocks sd {sd[1:]}, autocorrelation {phi[3:]}, {months}"
        error = percent(row["miss_error"])
        old = percent(row["miss_without_shocks"])
        rows.append([what, row["draws"], f"{percent(row['miss'])} ± {error}", old])
    head = ["compared", "populations", "interval misses", "clustered by artist alone"]
    return markdown(rows, head)


def exposed() -> str:
    """Designs for artists exposed at different times."""
    found = read("exposures_summary.csv")
    rows = [
        [
            row["study"],
            f"{row['method']}{' (recommended)' if row['recommended'] else ''}",
            row["draws"],
            ratio(row["truth"]),
            f"{row['bias']:+.3f} ± {row['bias_error']:.3f}",
            f"{percent(row['coverage'])} ± {percent(row['coverage_error'])}",
            percent(row["leads_rejected"]),
        ]
        for _, row in found.iterrows()
    ]
    head = ["population like", "method", "draws", "truth", "bias", "covers", "leads rejected"]
    return markdown(rows, head)


def cohorts() -> str:
    """Placebo cohorts in worlds whose truth is known."""
    found = read("placebo_cohorts.csv")
    rows = [
        [row["world"], row["draws"], *map(percent, (row["passed"], row["excess_covered"]))]
        for _, row in found.iterrows()
    ]
    return markdown(rows, ["world", "draws", "check passed", "excess covered"])


def claims() -> str:
    """What the whole procedure claims."""
    rows = []
    for rule, name in (("0.2", "claims_new_rule"), ("0.1", "claims")):
        for _, row in read(f"{name}_confusion.csv").iterrows():
            rows.append([row["truth"], rule, row["n"], percent(row["share_claimed"])])
    return markdown(rows, ["truth", "rule of", "populations", "claimed"])


def handling() -> str:
    """Files, crawls and hostile input."""
    files, crawls = read("loading.csv"), read("crawl_kills.csv")
    forgotten, hostile = read("forget_kills.csv"), read("attack.csv")
    whole = files[files["damage"].isin(["none", "closed quote", "mixed line ends"])]
    rows = [
        [
            "random tables in every format and damage: rows loaded, rejected and folded are those "
            "of an independent count, or the load refuses",
            f"{files['examples'].sum():,} files, {files['wrong'].sum()} wrong; "
            f"{files['refused'].sum():,} refused, of them undamaged {whole['refused'].sum()}",
            f"`validation/loading.py --seed {files['seed'].iloc[0]}`",
        ],
        [
            "crawls killed at random moments: the store equals the truth",
            f"{crawls['kills'].sum()} kills, {int((~crawls['equal']).sum())} unequal",
            "`validation/crawl_kills.py`",
        ],
        [
            "people forgotten, the command killed at random moments",
            f"{len(forgotten)} kills, {int((~forgotten['passed']).sum())} with a trace",
            "`validation/forget_kills.py`",
        ],
    ]
    for _, row in hostile.iterrows():
        bad = int(row[["uncaught", "silent_losses", "traces"]].sum())
        rows.append(
            [row["kind"], f"{row['attempts']:,} tried, {bad} failed", "`validation/attack.py`"]
        )
    return markdown(rows, ["tried", "found", "command"])


def waiting() -> str:
    """How long people wait."""
    found = pd.read_csv(TIMES / "start.csv")
    rows = [
        [row["what"], f"{row['median_seconds']:.2f}", row["date"]] for _, row in found.iterrows()
    ]
    return markdown(rows, ["what", "seconds (2 cores)", "measured"])


TABLES = {
    made.__name__: made
    for made in (
        headlines,
        coverage,
        widths,
        trends,
        price,
        processes,
        public,
        multiplicity,
        watching,
        attrition,
        shocks,
        exposed,
        cohorts,
        claims,
        handling,
        waiting,
    )
}
