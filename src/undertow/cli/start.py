"""Where the command starts: it listens before anything heavy is imported."""

from undertow.cli.signals import leave_on_signals

leave_on_signals()


def main() -> None:
    """Run the command line."""
    from undertow.cli.app import main as run

    run()
