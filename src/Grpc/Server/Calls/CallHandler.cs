using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>Runs one method's calls: checks the request is gRPC, invokes the service, ends the call with a status whatever happens.</summary>
internal abstract class CallHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method, IGrpcServiceActivator<TService> activator, ServerCallSettings settings)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected Method<TRequest, TResponse> Method => method;

    public async Task HandleAsync(HttpContext http)
    {
        if (!RequestGate.Admit(http))
            return;
        var call = new ServerCall(http, method.FullName, settings);
        try
        {
            call.Start();
            await InvokeAsync(call);
            await call.EndAsync();
        }
        catch (Exception e)
        {
            await call.EndAsync(e);
        }
        finally
        {
            await call.LeaveAsync();
            call.Dispose();
        }
    }

    protected abstract Task InvokeAsync(ServerCall call);

    protected GrpcActivatorHandle<TService> CreateService(ServerCallContext context) => activator.Create(context.GetHttpContext().RequestServices);

    protected ValueTask ReleaseAsync(GrpcActivatorHandle<TService> service) => activator.ReleaseAsync(service);

    protected async ValueTask<TRequest> ReadSingleAsync(ServerCall call)
    {
        var request = await call.ReadAsync(method.RequestMarshaller)
            ?? throw MessageFraming.Failure(StatusCode.Unimplemented, $"{method.FullName} must have exactly one request; the client sent none.");
        var isTaken = false;
        try
        {
            isTaken = await call.IsRequestAtEndAsync();
            call.Works();
            return isTaken ? request : throw MessageFraming.Failure(StatusCode.Unimplemented, $"{method.FullName} must have exactly one request; the client sent more.");
        }
        finally
        {
            // One that holds memory gives it back when the service is through with it.
            if (!isTaken)
                (request as IDisposable)?.Dispose();
        }
    }
}
