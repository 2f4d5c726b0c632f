using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server;

/// <summary>What all gRPC services of a host share.</summary>
public class GrpcServiceOptions
{
    /// <summary>The default of <see cref="MaxReceiveMessageSize"/>, bytes.</summary>
    internal const int DefaultMaxReceiveMessageBytes = 4 * 1024 * 1024;

    /// <summary>The largest response message, bytes; null (the default) means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>The largest request message, bytes; 4 MiB by default, null means no limit. A larger one is refused with ResourceExhausted.</summary>
    public int? MaxReceiveMessageSize { get; set; } = DefaultMaxReceiveMessageBytes;

    /// <summary>Whether the message of an exception nobody translated is sent to the client; null (the default) means no.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>Whether calls of services nobody mapped are left to other middleware instead of answered with Unimplemented; null (the default) means no.</summary>
    public bool? IgnoreUnknownServices { get; set; }
}

/// <summary>What AddGrpc returns, to add to.</summary>
public interface IGrpcServerBuilder
{
    /// <summary>The host's services.</summary>
    IServiceCollection Services { get; }
}
