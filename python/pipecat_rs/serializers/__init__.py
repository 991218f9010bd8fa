"""Formats of the messages between a bot and its peer: protobuf frames and telephony streams."""
