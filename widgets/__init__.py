"""Terminal widgets that show one frozen prop each. They know no app, no client and no engine."""
