-- What happened to a payment is a stream of events from now on, and the table a view of it, written in the same transaction.
-- Payments of before become streams. They were published when they happened, so these events stay here.
do $$
declare
  v_payment record;
begin
  for v_payment in select * from payment order by at, id loop
    perform fairlead_log_append(
      'payment-' || replace(replace(v_payment.tenant, '%', '%25'), '/', '%2F') || '/' || v_payment.order_id, -1,
      array[v_payment.id], array['payment.' || v_payment.type], '{1}', array[v_payment.order_id],
      array[case v_payment.type
              when 'declined' then json_build_object('orderId', v_payment.order_id, 'reason', 'the card was declined')
              else json_build_object('orderId', v_payment.order_id, 'amountCents', v_payment.amount_cents)
            end::text], null,
      v_payment.tenant, null, '00-' || md5(v_payment.order_id) || '-' || left(md5(v_payment.id), 16) || '-00',
      v_payment.id, null, 'default', '{true}');
    update fairlead_log set time = v_payment.at where id = v_payment.id;
  end loop;
end $$;
