namespace Grpc.Core;

/// <summary>What a channel's connection is doing (gRPC: doc/connectivity-semantics-and-api.md).</summary>
public enum ConnectivityState
{
    /// <summary>There is no connection, and none is wanted.</summary>
    Idle,

    /// <summary>One is being made.</summary>
    Connecting,

    /// <summary>One stands.</summary>
    Ready,

    /// <summary>The last attempt failed.</summary>
    TransientFailure,

    /// <summary>The channel was disposed.</summary>
    Shutdown,
}
