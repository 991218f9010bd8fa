"""The place of `pipecat_rs.adapters.llm.schemas` before pipecat 1.14."""
