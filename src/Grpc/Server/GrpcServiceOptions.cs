using System.IO.Compression;
using Grpc.Net.Compression;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server;

/// <summary>What all gRPC services of a host share.</summary>
public class GrpcServiceOptions
{
    /// <summary>The default of <see cref="MaxReceiveMessageSize"/> for a host, bytes.</summary>
    internal const int DefaultMaxReceiveMessageBytes = 4 * 1024 * 1024;

    private int? _maxSendMessageSize;
    private int? _maxReceiveMessageSize;
    private IList<ICompressionProvider>? _compressionProviders;

    /// <summary>The largest response message, bytes, before compression; null (the default) means no limit. A larger one fails with ResourceExhausted.</summary>
    public int? MaxSendMessageSize
    {
        get => _maxSendMessageSize;
        set
        {
            _maxSendMessageSize = value;
            HasMaxSendMessageSize = true;
        }
    }

    /// <summary>The largest request message, bytes, also after decompression; 4 MiB by default, null means no limit. A larger one is refused with ResourceExhausted.</summary>
    public int? MaxReceiveMessageSize
    {
        get => _maxReceiveMessageSize;
        set
        {
            _maxReceiveMessageSize = value;
            HasMaxReceiveMessageSize = true;
        }
    }

    /// <summary>Whether the message of an exception nobody translated is sent to the client; null (the default) means no.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>Whether calls of services nobody mapped are left to other middleware instead of answered with Unimplemented; null (the default) means no.</summary>
    public bool? IgnoreUnknownServices { get; set; }

    /// <summary>The encoding of responses, used where the client accepts it; null (the default) means identity. It must be among the providers.</summary>
    public string? ResponseCompressionAlgorithm { get; set; }

    /// <summary>How hard responses are compressed; null (the default) leaves it to the provider.</summary>
    public CompressionLevel? ResponseCompressionLevel { get; set; }

    /// <summary>Encodings besides gzip and deflate, or instead of them where the name is the same.</summary>
    public IList<ICompressionProvider> CompressionProviders
    {
        get => _compressionProviders ??= [];
        set => _compressionProviders = value;
    }

    /// <summary>Stand around every call, the first one outermost; those of the host around those of the service.</summary>
    public InterceptorCollection Interceptors { get; } = [];

    internal bool HasMaxSendMessageSize { get; private set; }

    internal bool HasMaxReceiveMessageSize { get; private set; }
}

/// <summary>What one service has of its own; where it is left unset, the host's options count.</summary>
/// <typeparam name="TService">The service.</typeparam>
public class GrpcServiceOptions<TService> : GrpcServiceOptions
    where TService : class
{
}

/// <summary>What AddGrpc returns, to add to.</summary>
public interface IGrpcServerBuilder
{
    /// <summary>The host's services.</summary>
    IServiceCollection Services { get; }
}
