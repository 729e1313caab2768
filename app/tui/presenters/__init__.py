"""Pure functions from the JSON of the API to what widgets show. Everything from outside is made safe here."""
