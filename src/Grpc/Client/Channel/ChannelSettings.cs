using Grpc.Core;
using Grpc.Net.Client.Transport;
using Grpc.Wire;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Grpc.Net.Client;

/// <summary>What every call of a channel needs to know. Immutable.</summary>
internal sealed class ChannelSettings(
    ICallTransport transport,
    Uri address,
    ChannelSecurity security,
    ChannelConnections? connections,
    GrpcChannelOptions options,
    CancellationToken shutdown)
{
    public ICallTransport Transport => transport;

    public CancellationToken Shutdown => shutdown;

    public ChannelConnections? Connections => connections;

    public int? SendLimitBytes { get; } = options.MaxSendMessageSize;

    public int? ReceiveLimitBytes { get; } = options.MaxReceiveMessageSize;

    public bool ThrowsCanceled { get; } = options.ThrowOperationCanceledOnCancellation;

    public EncodingSet Encodings { get; } = options.CompressionProviders is { } providers ? new EncodingSet(providers) : EncodingSet.Default;

    public ILogger Logger { get; } = (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Grpc.Net.Client");

    public bool HasCallCredentials { get; } = security.CallCredentials.Count > 0;

    private bool MayAuthenticateCalls { get; } = security.IsSecure || options.UnsafeUseInsecureChannelCallCredentials;

    /// <summary>The credentials that a call with these options is sent with; null for none.</summary>
    /// <exception cref="RpcException">Unauthenticated: they would travel in the clear.</exception>
    public IReadOnlyList<CallCredentials>? CredentialsOf(in CallOptions call)
    {
        if (call.Credentials is null)
            return security.CallCredentials.Count > 0 ? security.CallCredentials : null;
        return MayAuthenticateCalls
            ? [.. security.CallCredentials, call.Credentials]
            : throw new RpcException(new Status(
                StatusCode.Unauthenticated,
                $"Call credentials aren't sent to {address.Authority} without TLS: use an https address, or set UnsafeUseInsecureChannelCallCredentials."));
    }

    /// <summary>A service's address, as credentials are told it.</summary>
    public string ServiceUrl(IMethod method) => $"{address.GetLeftPart(UriPartial.Authority)}/{method.ServiceName}";
}
