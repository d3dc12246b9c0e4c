"""`rotate demo`: the whole job in the sandbox, under live traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from rotator.cli.options import AsJson

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.cli.demo_scenes import Scene
    from rotator.cli.screen import Screen
    from rotator.sandbox.world import World

STORES: Final = {"aws": "AWS", "vault": "Vault", "both": "AWS, Vault"}


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    naive: Annotated[
        bool, typer.Option("--naive", help="Do what people do today: revoke, then deploy. Exit 0: requests failed.")
    ] = False,
    store: Annotated[
        Literal["aws", "vault", "both"],
        typer.Option("--store", metavar="aws|vault|both", help="Where the key is kept. both: the same key in each."),
    ] = "aws",
    straggler: Annotated[
        bool,
        typer.Option(
            "--straggler", help="Two minutes: a consumer on no list uses the old key. Exit 0: it was not disabled."
        ),
    ] = False,
    no_admin: Annotated[
        bool, typer.Option("--no-admin", help="Without an Admin key: what cannot be proven then.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the sandbox up at the end, to look around in, until Ctrl-C.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Replace a key under live traffic, in a sandbox on this machine. Nothing outside it is touched."""
    from rotator.adapters.clock import SystemClock
    from rotator.cli.demo_scenes import Scene
    from rotator.cli.demo_world import fresh_directory, require_sandbox, until_interrupted, world_in
    from rotator.cli.screen import open_screen
    from rotator.cli.work import plainly
    from rotator.model.errors import UsageError

    with plainly(lambda: None, json=json):
        if straggler + no_admin + naive > 1:
            raise UsageError("--naive, --straggler and --no-admin are scenes of their own", "rotate demo --straggler")
        scene = Scene.STRAGGLER if straggler else Scene.NO_ADMIN if no_admin else Scene.WHOLE
        if store != "vault":
            require_sandbox()
        begun = SystemClock().now()
        directory = fresh_directory("rotate-demo-")
        interrupted = f"interrupted: the sandbox has ended; what it wrote is in {directory}"
        with until_interrupted(interrupted, json=json) as ending:
            screen = open_screen(json=json)
            parts = f"{STORES[store]}, Anthropic, six instances of three services, traffic"
            screen.say(f"Starting a sandbox on this machine: {parts}.")
            with world_in(directory, store, scene) as world:
                screen.say("It is up: some 48 requests a second go through all instances, with the old key.")
                if not naive:
                    screen.say(scene.opening)
                try:
                    code = _naive(world, screen, begun, json) if naive else _rotation(world, screen, begun, json, scene)
                finally:
                    screen.close()
                ending.json = False  # the one document is out
                if keep:
                    _stay(world)
        raise typer.Exit(code)


def _rotation(world: World, screen: Screen, begun: datetime, json: bool, scene: Scene) -> int:
    from rotator.cli.demo_result import rotated
    from rotator.cli.demo_rotation import rotate
    from rotator.cli.demo_scenes import Scene, refusal
    from rotator.cli.results import show, show_json

    result, code, report, end = rotate(world, screen, begun, scene)
    screen.close()
    if json:
        show_json({**result.to_json(), **({"drain": report["drain"]} if scene is Scene.STRAGGLER else {})})
    elif scene is Scene.STRAGGLER:
        show("\n".join(["", *refusal(result, report, end)]))
    else:
        show("\n".join(["", *rotated(result, world)]))
    return code


def _naive(world: World, screen: Screen, begun: datetime, json: bool) -> int:
    from rotator.cli.demo_naive import revoke_first
    from rotator.cli.demo_result import outage
    from rotator.cli.results import show, show_json

    result, down, sample = revoke_first(world, screen, begun)
    if json:
        show_json(result.to_json())
    else:
        show("\n".join(["", *outage(result, world, down, sample)]))
    return 0 if result.failed_requests else 1


def _stay(world: World) -> None:
    from rotator.cli.demo_world import exports, stay_up
    from rotator.cli.screen import write

    write("\nThe sandbox stays up until Ctrl-C. To work with it, in another terminal:")
    for line in exports(world.environment):
        write(f"  {line}")
    stay_up()
    write("\nthe sandbox has ended")
