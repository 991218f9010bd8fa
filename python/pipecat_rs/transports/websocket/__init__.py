"""Transports over WebSockets: a server, a client, and one connection that somebody else opened."""
