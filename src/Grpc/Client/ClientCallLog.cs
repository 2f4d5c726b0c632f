using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Grpc.Net.Client;

/// <summary>What calls log.</summary>
internal static partial class ClientCallLog
{
    [LoggerMessage(1, LogLevel.Trace, "'{Method}' is called.")]
    public static partial void CallStarted(ILogger logger, string method);

    [LoggerMessage(2, LogLevel.Debug, "'{Method}' ended with {StatusCode}: {Detail}")]
    public static partial void CallFailed(ILogger logger, string method, StatusCode statusCode, string detail);
}
