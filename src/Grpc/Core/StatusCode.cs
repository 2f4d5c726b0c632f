namespace Grpc.Core;

/// <summary>The result of a call, as numbered by the gRPC specification (doc/statuscodes.md).</summary>
public enum StatusCode
{
    /// <summary>The call succeeded.</summary>
    OK = 0,

    /// <summary>The call was cancelled, usually by its caller.</summary>
    Cancelled = 1,

    /// <summary>An error without a better code, such as an exception nobody translated.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call ended.</summary>
    DeadlineExceeded = 4,

    /// <summary>Something named in the request doesn't exist.</summary>
    NotFound = 5,

    /// <summary>Something to be created exists.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, a message limit or memory is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state this call needs; retrying alone won't help.</summary>
    FailedPrecondition = 9,

    /// <summary>The call lost a race; retry at a higher level.</summary>
    Aborted = 10,

    /// <summary>A position past the valid range, which may become valid later.</summary>
    OutOfRange = 11,

    /// <summary>The server doesn't offer this method, or not in this form.</summary>
    Unimplemented = 12,

    /// <summary>An invariant of one of the two sides is broken.</summary>
    Internal = 13,

    /// <summary>The server can't be reached or isn't serving; retry with a delay.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or damaged for good.</summary>
    DataLoss = 15,

    /// <summary>The caller's credentials are missing or wrong.</summary>
    Unauthenticated = 16,
}
