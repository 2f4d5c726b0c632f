using Grpc.AspNetCore.Server.Calls;
using Microsoft.AspNetCore.Http;

namespace Grpc.Core;

/// <summary>Reaches the HTTP request beneath a call.</summary>
public static class ServerCallContextExtensions
{
    /// <summary>The HTTP request and response of this call.</summary>
    /// <exception cref="InvalidOperationException">The context isn't one of this runtime's calls.</exception>
    public static HttpContext GetHttpContext(this ServerCallContext serverCallContext) => serverCallContext is ServerCall call
        ? call.Http
        : throw new InvalidOperationException("This context doesn't belong to a call of this server.");
}
