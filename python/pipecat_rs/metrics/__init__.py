"""Measurements that processors report."""
