"""What audio goes through at the edge of a transport."""
