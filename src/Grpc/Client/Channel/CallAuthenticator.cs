using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client;

/// <summary>Asks call credentials for the headers they add.</summary>
internal static class CallAuthenticator
{
    /// <summary>The headers that all credentials together add to one call.</summary>
    /// <exception cref="RpcException">Unauthenticated: one of them failed.</exception>
    public static async Task<Metadata> CollectAsync(IEnumerable<CallCredentials> credentials, AuthInterceptorContext context)
    {
        var interceptors = new List<AsyncAuthInterceptor>();
        foreach (var credential in credentials)
            credential.InternalPopulateConfiguration(Flattener.Instance, interceptors);
        var metadata = new Metadata();
        try
        {
            foreach (var interceptor in interceptors)
                await interceptor(context, metadata).WaitAsync(context.CancellationToken);
            MetadataHeaders.Check(metadata);
            return metadata;
        }
        catch (Exception e) when (e is not RpcException && !context.CancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, $"The call's credentials couldn't be had: {e.Message}", e));
        }
    }

    private sealed class Flattener : CallCredentialsConfiguratorBase
    {
        public static readonly Flattener Instance = new();

        public override void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials)
        {
            foreach (var credential in credentials)
                credential.InternalPopulateConfiguration(this, state);
        }

        public override void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor) =>
            ((List<AsyncAuthInterceptor>)state!).Add(interceptor);
    }
}
