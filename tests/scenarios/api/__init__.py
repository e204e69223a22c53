"""The acceptance table of the API's versions, executed (`versioning.yaml`).

    .venv/bin/python -m pytest tests/scenarios/api                      the project's own table
    .venv/bin/python -m pytest tests/scenarios/api --table OTHER.yaml   any table of the same schema
    .venv/bin/python -m tests.scenarios.api.cases [TABLE]               which case is of which kind, and why

A declarative case (R49) needs no code: `declarative` builds its world, sends its request and looks at
everything that it expects. Every other one is written by hand, in `test_s<section>_<theme>.py`:

    @case
    async def test_v4_2c_the_eleventh_wrong_key_of_a_minute_is_throttled(stage: Stage) -> World:
        world = await stage.after("V4.2b")                     # or: await stage.world("std")
        began = world.mark()
        answer = await world.ask("$RES", auth="key_bad")
        await stage.expect(world, answer, began)               # what the table says of V4.2c
        return world                                           # for cases that stand `after: V4.2c`

- The name begins with the case's id; the rest is a sentence. One case may be claimed by several tests, and
  the first is the one that others stand on. A case nobody claims fails the run of the project's own table.
- `stage.world(registry, clock=..., via=...)` takes registry expressions (R48), or what a file says, and is
  the case's own unless told otherwise; its other arguments are ports that misbehave (`troubles`), for
  `tests/gateway/house.py`. `stage.after(id)` plays another case anew and gives its world; `stage.case` is the
  row of the table; `stage.fixture(name)` is any fixture of pytest.
- `world.ask(path, method=, headers=, auth=, ip=, body=)` is a table's request; `world.clock` stands still
  until `world.advance(seconds)`; `world.write(text)` writes the operator's file and has it read;
  `world.operate("v3-beta/promote")` is an operator's decision; `world.parts` is the gateway beneath
  (`tests/gateway/house.py`), `world.versions` its registry.
- `world.mark()`, then `world.since(mark)`: its `lines` (log), `happened` (events), `before` and `after`
  (metrics). `signs.log_findings`, `signs.event_findings`, `signs.metric_findings` hold them against the
  table's words.
- `stage.expect(world, answer, began, status=429, headers=None)` replaces members that the table says in
  prose, or leaves them out; with `began`, the scenario's log, metrics and events count too if the case leads
  its scenario.
- An ordinary function does as well, where there is nothing to wait for: it runs in a thread.

Load and latency are asserted by `make bench-gateway` under the same ids; here only the answers count.
"""
