"""What a delivery can be refused for."""


class DeliveryError(Exception):
    """A delivery that cannot be taken: the sender's to mend.

    `status` is the HTTP answer: 400 malformed, 415 content type or encoding, 431 header too long.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def malformed(message: str) -> DeliveryError:
    return DeliveryError(400, message)
