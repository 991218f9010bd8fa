"""The place of `pipecat_rs.adapters.llm.services` before pipecat 1.14."""
