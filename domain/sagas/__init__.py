"""What happens after a command was accepted: events in, commands out, no I/O and no business rule."""
