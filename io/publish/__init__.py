"""Free times as a feed that anybody can read: SMART Scheduling Links (HL7, hl7.org/fhir/uv/smart-scheduling-links)."""
