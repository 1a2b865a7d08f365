"""The dialects of Azure AI Personalizer: pure translation between its JSON and our requests, records and settings."""
