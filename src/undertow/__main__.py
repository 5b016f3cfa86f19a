"""`python -m undertow`: the command line, also for launchers that start modules."""

from undertow.cli.start import main

if __name__ == "__main__":
    main()
