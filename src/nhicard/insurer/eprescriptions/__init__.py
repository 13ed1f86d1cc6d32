"""Electronic prescriptions: FHIR documents after the EMPD guide, fetched by access code, dispensed, cancelled."""
