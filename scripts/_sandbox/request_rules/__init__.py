"""The requests that AWS refuses and moto does not: by botocore's service models, and by rules that
the models leave out. Nothing here knows moto, or what exists in the account.
"""
