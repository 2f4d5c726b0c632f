using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What calls log.</summary>
internal static partial class ServerCallLog
{
    [LoggerMessage(1, LogLevel.Error, "Error when executing service method '{Method}'.")]
    public static partial void ServiceThrew(ILogger logger, Exception exception, string method);

    [LoggerMessage(2, LogLevel.Debug, "'{Method}' ended with {StatusCode}: {Detail}")]
    public static partial void CallEnded(ILogger logger, string method, StatusCode statusCode, string detail);

    [LoggerMessage(3, LogLevel.Debug, "The client of '{Method}' left before the call ended.")]
    public static partial void ClientLeft(ILogger logger, string method);

    [LoggerMessage(4, LogLevel.Debug, "'{Method}' passed its deadline and its client couldn't be told.")]
    public static partial void AnswerLost(ILogger logger, Exception exception, string method);
}
