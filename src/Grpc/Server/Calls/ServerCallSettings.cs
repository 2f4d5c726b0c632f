using Grpc.Wire;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What every call of a service needs to know. Immutable.</summary>
internal sealed record ServerCallSettings(int? SendLimitBytes, int? ReceiveLimitBytes, bool SendsErrorDetails, EncodingSet Encodings, ILogger Logger)
{
    /// <summary>Compresses responses to clients that accept it; null for identity.</summary>
    public MessageCompressor? Compressor { get; private init; }

    /// <summary>What the messages of all the service's calls may have together; null: no bound.</summary>
    public MessageBudget? Budget { get; init; }

    public required InterceptorPipeline Interceptors { get; init; }

    /// <summary>The service's options over the host's.</summary>
    /// <exception cref="InvalidOperationException">No provider has the chosen encoding.</exception>
    public static ServerCallSettings Create(GrpcServiceOptions host, GrpcServiceOptions service, ILogger logger)
    {
        var encodings = new EncodingSet([.. service.CompressionProviders, .. host.CompressionProviders, .. EncodingSet.Default.Providers]);
        return new ServerCallSettings(
            service.HasMaxSendMessageSize ? service.MaxSendMessageSize : host.MaxSendMessageSize,
            ReceiveLimitOf(host, service),
            service.EnableDetailedErrors ?? host.EnableDetailedErrors ?? false,
            encodings,
            logger)
        {
            Compressor = CompressorOf(host, service, encodings),
            Interceptors = new InterceptorPipeline([.. host.Interceptors, .. service.Interceptors]),
        };
    }

    private static int? ReceiveLimitOf(GrpcServiceOptions host, GrpcServiceOptions service)
    {
        if (service.HasMaxReceiveMessageSize)
            return service.MaxReceiveMessageSize;
        return host.HasMaxReceiveMessageSize ? host.MaxReceiveMessageSize : GrpcServiceOptions.DefaultMaxReceiveMessageBytes;
    }

    private static MessageCompressor? CompressorOf(GrpcServiceOptions host, GrpcServiceOptions service, EncodingSet encodings)
    {
        var algorithm = service.ResponseCompressionAlgorithm ?? host.ResponseCompressionAlgorithm;
        if (algorithm is null or WireNames.Identity)
            return null;
        var provider = encodings.Find(algorithm) ?? throw new InvalidOperationException(
            $"ResponseCompressionAlgorithm is '{algorithm}', which no compression provider has; known are {encodings.AcceptHeader}.");
        return new MessageCompressor(provider, service.ResponseCompressionLevel ?? host.ResponseCompressionLevel);
    }
}
