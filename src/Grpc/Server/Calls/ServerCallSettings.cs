using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What every call of a host needs to know. Immutable.</summary>
internal sealed record ServerCallSettings(int? SendLimitBytes, int? ReceiveLimitBytes, bool SendsErrorDetails, ILogger Logger)
{
    public ServerCallSettings(GrpcServiceOptions options, ILogger logger)
        : this(options.MaxSendMessageSize, options.MaxReceiveMessageSize, options.EnableDetailedErrors ?? false, logger)
    {
    }
}
