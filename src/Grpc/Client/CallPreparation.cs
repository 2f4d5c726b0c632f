using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>What comes before some calls are sent: waiting for the server, and asking credentials for their headers.</summary>
internal static class CallPreparation
{
    public static bool IsNeeded(ChannelSettings channel, in CallOptions options) =>
        options.IsWaitForReady || options.Credentials is not null || channel.HasCallCredentials;

    /// <summary>Prepares a call; gives the headers that authenticate it, or null.</summary>
    public static async Task<Metadata?> RunAsync(ChannelSettings channel, IMethod method, CallOptions options, CancellationToken cancellationToken)
    {
        var credentials = channel.CredentialsOf(options);
        if (options.IsWaitForReady)
        {
            var connections = channel.Connections ?? throw new RpcException(new Status(
                StatusCode.FailedPrecondition, "The call can't wait for the server: the channel was given a handler that makes its own connections."));
            await connections.EnsureReadyAsync(cancellationToken);
        }
        if (credentials is null)
            return null;
        return await CallAuthenticator.CollectAsync(credentials, new AuthInterceptorContext(channel.ServiceUrl(method), method.Name, cancellationToken));
    }
}
